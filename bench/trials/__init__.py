"""The trials: the gate under strain, tried from outside."""
