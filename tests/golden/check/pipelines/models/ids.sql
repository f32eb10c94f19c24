select id from raw.orders
