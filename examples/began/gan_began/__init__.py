"""BEGAN (Berthelot et al. 2017) as a plug-in of ganmill."""
