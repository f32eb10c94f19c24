/* sluice
write: append
*/
select day, shop, amount from clean.sales where amount >= 10
