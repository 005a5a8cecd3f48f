"""Each turns messages into control changes and changes into feedback; none knows another."""
