select count(*) as items, sum(pieces) as pieces from clean.stock
