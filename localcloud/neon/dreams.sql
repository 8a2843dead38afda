-- DreamNet's rows, derived from the flights: every airline is an agent, its longest delays are what it dreams of.
-- The same flights give the same rows: identifiers are hashes of natural keys.

INSERT INTO agents (id, handle, status, skills, profile, created_at)
SELECT md5('agent ' || a.carrier)::uuid,
       lower(a.carrier),
       CASE WHEN count(*) > 20000 THEN 'dreaming' WHEN count(*) > 1000 THEN 'idle' ELSE 'retired' END::agent_status,
       array_agg(DISTINCT f.origin ORDER BY f.origin),
       jsonb_build_object('airline', a.name, 'flights', count(*),
                          'mean_arrival_delay_minutes', round(avg(f.arr_delay), 2)),
       min(f.time_hour)
FROM airlines a
JOIN flights f USING (carrier)
GROUP BY a.carrier
ORDER BY a.carrier;

INSERT INTO dreams (id, agent_id, title, content, tags, mood, metadata, created_at)
SELECT md5('dream ' || f.id)::uuid,
       md5('agent ' || f.carrier)::uuid,
       format('%s %s from %s to %s', f.carrier, f.flight, f.origin, f.dest),
       format('Flight %s left %s %s minutes late on %s and flew %s miles to %s.', f.flight, o.name, f.dep_delay,
              to_char(f.time_hour AT TIME ZONE 'America/New_York', 'YYYY-MM-DD'), f.distance, coalesce(d.name, f.dest)),
       ARRAY[f.origin, f.dest, lower(f.carrier)],
       CASE WHEN f.dep_delay >= 300 THEN 'ominous' WHEN f.dep_delay >= 180 THEN 'restless'
            WHEN f.arr_delay < f.dep_delay THEN 'serene' ELSE 'curious' END::mood,
       jsonb_build_object('tailnum', f.tailnum, 'dep_delay', f.dep_delay, 'arr_delay', f.arr_delay,
                          'distance', f.distance),
       f.time_hour + make_interval(mins => f.dep_delay)
FROM flights f
JOIN airports o ON o.faa = f.origin
LEFT JOIN airports d ON d.faa = f.dest
WHERE f.dep_delay >= 120
ORDER BY f.id;

INSERT INTO events (occurred_at, kind, agent_id, dream_id, payload)
SELECT created_at, 'dream.created', agent_id, id, jsonb_build_object('mood', mood, 'tags', to_jsonb(tags))
FROM dreams
ORDER BY number;
