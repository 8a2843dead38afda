-- After the rows: building an index once is faster than keeping it while loading.
-- flights.dest and flights.tailnum have no foreign key because the published data does not obey one: four
-- destinations (BQN, PSE, SJU, STT) are missing from airports, and 721 tail numbers from planes.

ALTER TABLE flights ADD PRIMARY KEY (id);
ALTER TABLE flights ADD FOREIGN KEY (carrier) REFERENCES airlines (carrier);
ALTER TABLE flights ADD FOREIGN KEY (origin) REFERENCES airports (faa);
CREATE INDEX flights_origin_time ON flights (origin, time_hour);
ALTER TABLE weather ADD PRIMARY KEY (origin, time_hour);
ALTER TABLE weather ADD FOREIGN KEY (origin) REFERENCES airports (faa);
CREATE INDEX dreams_agent ON dreams (agent_id, created_at);
CREATE INDEX dreams_tags ON dreams USING gin (tags);
CREATE INDEX events_dream ON events (dream_id);
