-- a fixed version of the driving table
select day, order_id from clean.orders at (version => 3)
-- = driving: clean.orders
-- = row-wise: it reads a fixed version of a table
-- = local: it reads a fixed version of a table
-- a function that is not built in
select day, my_function(amount) as x from clean.orders
-- = driving: clean.orders
-- = row-wise: it calls my_function()
-- = local: it calls my_function()
-- = volatile: it calls my_function()
-- a function that is not built in beside one that is volatile
select day, now() || my_function(amount) as x from clean.orders
-- = driving: clean.orders
-- = row-wise: it calls my_function()
-- = local: it calls my_function()
-- = volatile: it calls now()
-- a function that is not built in, of another table
select day, (select my_function(rate) from clean.rates limit 1) as x from clean.orders
-- = driving: clean.orders
-- = row-wise: it calls my_function()
-- = local: it calls my_function()
-- = volatile: it calls my_function()
