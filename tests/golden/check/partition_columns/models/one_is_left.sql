/* sluice
write: partition
partition_by: day
*/
select id, day from clean.orders
