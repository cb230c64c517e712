"""What people may ask of the platform as a whole: work on one person or period that several rooms share."""
