"""Hazards: which zone of which public layer a place lies in, and what that evidence is worth.

Belongs here: pure geometry and the rules of evidence (finest resolution wins, worst zone counts, unknown is null with
a reason). Does not belong here: reading layers, writing exposures, scores (a dbt seed joins those).
"""
