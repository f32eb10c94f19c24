select id from curated.sound_v9 union all select id from curated.early
