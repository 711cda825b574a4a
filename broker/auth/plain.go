package auth

import (
	"bytes"
	"errors"

	"github.com/freshetdb/freshet/broker/metadata"
)

var errPlain = errors.New("malformed PLAIN message")

// plainExchange is the server's side of PLAIN (RFC 4616): one message of three texts between NULs.
type plainExchange struct {
	store *Credentials
	user  string
	step  int
}

// Step takes the one message.
func (x *plainExchange) Step(message []byte) (answer []byte, done bool, err error) {
	if x.step++; x.step > 1 {
		return nil, false, errPlain
	}
	user, password, err := parsePlain(message)
	if err != nil {
		return nil, false, err
	}
	if !x.store.checkPassword(user, password) {
		return nil, false, ErrDenied
	}
	x.user = user
	return []byte{}, true, nil
}

// Principal is whom the finished exchange authenticated.
func (x *plainExchange) Principal() Principal { return Principal{Type: TypeUser, Name: x.user} }

// parsePlain takes "authzid NUL user NUL password" apart; nobody may act as somebody else.
func parsePlain(message []byte) (user, password string, err error) {
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 || len(parts[1]) > scramTextMax || len(parts[2]) > scramTextMax {
		return "", "", errPlain
	}
	if len(parts[0]) != 0 && !bytes.Equal(parts[0], parts[1]) {
		return "", "", errPlain
	}
	return string(parts[1]), string(parts[2]), nil
}

// checkPassword compares with the user's SCRAM credential, the stronger hash first. It costs a user who doesn't exist as much.
func (c *Credentials) checkPassword(user, password string) bool {
	mechanism := metadata.ScramSHA512
	credential, known := c.scram(mechanism, user)
	if !known {
		if other, found := c.scram(metadata.ScramSHA256, user); found {
			mechanism, credential, known = metadata.ScramSHA256, other, true
		}
	}
	c.hashing <- struct{}{}
	defer func() { <-c.hashing }()
	match := Fits(mechanism, credential, password)
	return match && known
}
