"""What makes a fault smaller, one idea each: fewer faults, milder ones, narrower and rarer ones, or all at once."""
