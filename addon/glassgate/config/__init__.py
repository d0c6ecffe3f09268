"""config.yaml to small frozen values for each room; the only code that knows YAML and pydantic."""
