"""Results for a reader: the numbers of each verb, and the page that gathers them."""
