select id, day from raw.deep
