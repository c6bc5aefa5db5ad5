"""What is published: statistics, tables with their captions, figures, and the view of the ISIC challenge."""
