package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/freshetdb/freshet/broker/metadata"
)

// The SASL mechanisms, in the order they are offered.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// ErrDenied says that a user does not exist or the password is another; which of them is not told.
var ErrDenied = errors.New("wrong user or password")

// Exchange is the server's side of one authentication.
type Exchange interface {
	// Step takes the client's next message, not kept, and gives the answer. done means that Principal is authenticated; after an
	// error the exchange has failed.
	Step(message []byte) (answer []byte, done bool, err error)
	// Principal is whom a finished exchange authenticated.
	Principal() Principal
}

const (
	nonceBytes = 18
	// hashingMax is how many passwords are hashed at once: strangers can't take more than that of the machine.
	hashingMax = 2
)

// Credentials finds what is known of users, and makes exchanges that check it.
type Credentials struct {
	image      func() *metadata.Image
	mechanisms []string
	// secret makes up the salts of users who don't exist.
	secret  []byte
	hashing chan struct{}
}

// NewCredentials makes a store over the newest image that offers mechanisms; none given are all.
func NewCredentials(image func() *metadata.Image, mechanisms ...string) *Credentials {
	if len(mechanisms) == 0 {
		mechanisms = Mechanisms()
	}
	c := &Credentials{image: image, mechanisms: mechanisms, secret: make([]byte, saltBytes), hashing: make(chan struct{}, hashingMax)}
	rand.Read(c.secret)
	return c
}

// Mechanisms lists all there are, in a new slice.
func Mechanisms() []string { return []string{Plain, ScramSHA256, ScramSHA512} }

// Mechanisms lists what is offered; not to be changed.
func (c *Credentials) Mechanisms() []string { return c.mechanisms }

// NewExchange begins an authentication, or returns nil for a mechanism that isn't offered.
func (c *Credentials) NewExchange(mechanism string) Exchange {
	if !slices.Contains(c.mechanisms, mechanism) {
		return nil
	}
	switch mechanism {
	case Plain:
		return &plainExchange{store: c}
	case ScramSHA256:
		return &scramExchange{mechanism: metadata.ScramSHA256, store: c, nonce: newNonce}
	case ScramSHA512:
		return &scramExchange{mechanism: metadata.ScramSHA512, store: c, nonce: newNonce}
	}
	return nil
}

func newNonce() string {
	var raw [nonceBytes]byte
	rand.Read(raw[:])
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// scram finds a credential. A user without one gets a made-up one, the same at every call, that no password fits.
func (c *Credentials) scram(m metadata.ScramMechanism, user string) (credential metadata.ScramCredential, known bool) {
	if credential, known = c.image().Scram(metadata.ScramKey{User: user, Mechanism: m}); known {
		return credential, true
	}
	h := hashOf(m)
	made := mac(h, c.secret, user)
	return metadata.ScramCredential{
		Salt: slices.Clip(made[:saltBytes]), StoredKey: mac(h, c.secret, "stored key"), ServerKey: mac(h, c.secret, "server key"),
		Iterations: IterationsMin,
	}, false
}
