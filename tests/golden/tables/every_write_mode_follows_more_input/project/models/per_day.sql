/* sluice
write: partition
partition_by: [day]
*/
select day, count(*) as sales, sum(amount) as amount from clean.sales group by day
