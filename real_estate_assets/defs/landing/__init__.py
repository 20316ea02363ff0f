"""Landing: the bytes of every file a tenant describes, copied once into the object store and registered."""
