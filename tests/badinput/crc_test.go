package badinput

import "hash/crc32"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc is the checksum of record batches.
func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
