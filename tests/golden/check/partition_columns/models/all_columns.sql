/* sluice
write: partition
partition_by:
  - day
  - id
*/
select id, day from clean.orders
