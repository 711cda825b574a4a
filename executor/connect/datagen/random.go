package datagen

import "math"

// random is a splitmix64 stream of one event: the same id gives the same draws on every machine, so events can be made in any
// order and resumed anywhere. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators".
type random struct{ state uint64 }

const golden = 0x9E3779B97F4A7C15

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// randomOf is the stream of an event. The id is mixed: neighbouring ids must not share a stream.
func randomOf(id uint64) random { return random{state: mix((id + 1) * golden)} }

func (r *random) next() uint64 {
	r.state += golden
	return mix(r.state)
}

// intn is uniform in [0, n).
func (r *random) intn(n int64) int64 { return int64(((r.next() >> 32) * uint64(n)) >> 32) }

// float is uniform in [0, 1).
func (r *random) float() float64 { return float64(r.next()>>11) * (1.0 / (1 << 53)) }

// appendString appends 3 to max-1 characters a-z, one in thirteen the special one; spaces at the ends are trimmed.
func (r *random) appendString(dst []byte, maxLen int64, special byte) []byte {
	begin := len(dst)
	for n := 3 + r.intn(maxLen-3); n > 0; n-- {
		if r.intn(13) == 0 {
			dst = append(dst, special)
		} else {
			dst = append(dst, byte('a'+r.intn(26)))
		}
	}
	if special != ' ' {
		return dst
	}
	for len(dst) > begin && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	lead := begin
	for lead < len(dst) && dst[lead] == ' ' {
		lead++
	}
	return append(dst[:begin], dst[lead:]...)
}

// appendExact appends n characters a-z.
func (r *random) appendExact(dst []byte, n int64) []byte {
	for ; n > 0; n-- {
		dst = append(dst, byte('a'+r.intn(26)))
	}
	return dst
}

// appendExtra pads an event of cur bytes to about average bytes.
func (r *random) appendExtra(dst []byte, cur, average int64) []byte {
	if cur > average {
		return dst
	}
	average -= cur
	delta := int64(math.Floor(float64(average)*0.2 + 0.5))
	n := average - delta
	if delta > 0 {
		n += r.intn(2 * delta)
	}
	return r.appendExact(dst, n)
}

// price is log-uniform between 100 and 100,000,000 cents.
func (r *random) price() int64 {
	return int64(math.Floor(math.Pow(10, r.float()*6)*100 + 0.5))
}

func (r *random) appendURL(dst []byte) []byte {
	dst = append(dst, "https://www.nexmark.com/"...)
	for range 3 {
		dst = append(r.appendString(dst, 5, '_'), '/')
	}
	return append(dst, "item.htm?query=1"...)
}
