"""From a submitted file to a notebook that can be trusted in form: read, rebuild, clean."""
