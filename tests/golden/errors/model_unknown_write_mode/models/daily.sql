/* sluice
write: incremental
*/
select 1 as a
