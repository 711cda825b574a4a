package metadata

import (
	"encoding/base64"
	"fmt"
)

// UUID identifies a topic, for ever and across re-creation under the same name (KIP-516). The zero UUID means "none".
type UUID [16]byte

// String is Kafka's text form: URL-safe base64 without padding, 22 characters.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// IsZero tells whether u means "none".
func (u UUID) IsZero() bool { return u == UUID{} }

// ParseUUID reads the form String writes.
func ParseUUID(text string) (UUID, error) {
	var u UUID
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != len(u) {
		return UUID{}, fmt.Errorf("%q is not a topic id (22 characters of URL-safe base64)", text)
	}
	copy(u[:], raw)
	return u, nil
}
