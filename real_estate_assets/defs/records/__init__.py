"""Records: every landed file read into typed rows, gated by its suite, its refused rows quarantined."""
