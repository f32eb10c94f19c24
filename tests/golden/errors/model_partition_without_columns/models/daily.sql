/* sluice
write: partition
*/
select 1 as a
