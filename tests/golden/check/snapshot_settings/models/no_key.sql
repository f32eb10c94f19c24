/* sluice
write: snapshot
*/
select id from raw.people
