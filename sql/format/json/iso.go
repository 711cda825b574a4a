package json

import "github.com/freshetdb/freshet/sql/vector"

// Places in "2006-01-02 15:04:05.000000".
const (
	dayLen     = 10
	secondsLen = 19
	millisLen  = 23
	clockAt    = dayLen + 1
	usDigits   = 6
)

// isoTimestamp reads the common form, date and time in UTC with a fraction of up to six digits and perhaps a Z; ok is false
// for every other. The last day's number is kept: following payloads mostly share it.
func (d *decoder) isoTimestamp(s []byte) (us int64, ok bool) {
	if len(s) < secondsLen || s[dayLen] != ' ' && s[dayLen] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	if string(s[:dayLen]) != string(d.day[:]) && !d.newDay(s[:dayLen]) {
		return 0, false
	}
	hour, ok1 := two(s[clockAt:])
	minute, ok2 := two(s[clockAt+3:])
	second, ok3 := two(s[clockAt+6:])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	fraction, ok := fractionUS(s[secondsLen:])
	return d.dayUS + ((hour*60+minute)*60+second)*1e6 + fraction, ok
}

// quotedTimestamp is isoTimestamp for the string at p, tried for the two usual lengths; end is -1 when it is none.
func (d *decoder) quotedTimestamp(b []byte, p int) (us int64, end int) {
	for _, n := range [...]int{millisLen, secondsLen} {
		if end = p + 1 + n; end < len(b) && b[end] == '"' {
			us, ok := d.isoTimestamp(b[p+1 : end : end])
			if !ok {
				return 0, -1
			}
			return us, end + 1
		}
	}
	return 0, -1
}

// fractionUS reads what follows the seconds: nothing, or a point and digits, then perhaps a Z.
func fractionUS(s []byte) (us int64, ok bool) {
	if n := len(s); n > 0 && s[n-1] == 'Z' {
		s = s[:n-1]
	}
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) == 1 || len(s) > usDigits+1 {
		return 0, false
	}
	n := 1
	for ; n < len(s); n++ {
		if s[n]-'0' > 9 {
			return 0, false
		}
		us = us*10 + int64(s[n]-'0')
	}
	for ; n <= usDigits; n++ {
		us *= 10
	}
	return us, true
}

func (d *decoder) newDay(s []byte) bool {
	century, ok1 := two(s)
	year, ok2 := two(s[2:])
	month, ok3 := two(s[5:])
	day, ok4 := two(s[8:])
	year += century * 100
	if !ok1 || !ok2 || !ok3 || !ok4 || s[4] != '-' || s[7] != '-' || year == 0 || month < 1 || month > 12 {
		return false
	}
	if day < 1 || int(day) > vector.DaysIn(year, int(month)) {
		return false
	}
	copy(d.day[:], s)
	d.dayUS = vector.Days(year, int(month), int(day)) * usPerDay
	return true
}

func two(s []byte) (int64, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int64(a)*10 + int64(b), a <= 9 && b <= 9
}
