select id from clean.a
