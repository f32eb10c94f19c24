select o.day, count(*) as rows from clean.orders o, raw.rates group by o.day
