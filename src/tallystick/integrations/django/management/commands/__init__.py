"""The commands of the integration, one file each."""
