package settings

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Location is the zone a value of TimeZone names. The value must have passed Parse; UTC for any other.
func Location(value string) *time.Location {
	if seconds, ok := offset(value); ok {
		return time.FixedZone(zoneName(seconds), seconds)
	}
	if loc, err := time.LoadLocation(value); err == nil {
		return loc
	}
	return time.UTC
}

// offset reads a distance from UTC in hours: 2, -3.5, +05:30. Positive is east, as in SET TIME ZONE.
func offset(value string) (seconds int, ok bool) {
	const hour, farthest = 3600, 15
	sign := 1
	v := strings.TrimPrefix(value, "+")
	if strings.HasPrefix(v, "-") {
		sign, v = -1, v[1:]
	}
	hours, minutes, colon := strings.Cut(v, ":")
	if colon {
		h, err := strconv.ParseUint(hours, 10, 8)
		m, err2 := strconv.ParseUint(minutes, 10, 8)
		return sign * (int(h)*hour + int(m)*60), err == nil && err2 == nil && h <= farthest && m < 60
	}
	f, err := strconv.ParseFloat(v, 64)
	return sign * int(f*hour), err == nil && f >= 0 && f <= farthest
}

func zoneName(seconds int) string {
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	return fmt.Sprintf("%s%02d:%02d", sign, seconds/3600, seconds/60%60)
}
