/* sluice
write: all
*/
select 1