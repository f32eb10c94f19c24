select day from clean.cities
