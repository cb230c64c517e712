"""The only room that deletes data of people: erasure, and what keeps the erased from coming back."""
