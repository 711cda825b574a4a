package main

// madeUp are cases made from a seed.
func madeUp(seed uint64, n int) []scripted { return nil }
