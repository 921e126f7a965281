"""The owner's account at Amazon: set up, looked over, tried out."""
