-- a comment before

/* sluice
   write: full
  grain: [a
*/
select 1 as a
