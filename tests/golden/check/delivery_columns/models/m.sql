select id as ID, day, 1 as cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc from clean.orders
