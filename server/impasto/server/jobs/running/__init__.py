"""How a job is carried out: from its plates, keys and looks to what the picture-making is asked."""
