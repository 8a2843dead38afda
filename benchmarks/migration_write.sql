-- One transaction of pgbench's writers: acknowledged as a whole or not at all.
\set aid random(1, 100000 * :scale)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
INSERT INTO bench_writes (run, client) VALUES (:run, :client_id);
END;
