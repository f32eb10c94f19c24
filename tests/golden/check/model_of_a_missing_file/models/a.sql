select *
from read_csv('/nowhere.csv')
