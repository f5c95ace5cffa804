"""What is installed, and what a configuration needs of disk and portals."""
