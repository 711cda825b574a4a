package auth

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/freshetdb/freshet/broker/metadata"
)

const (
	// IterationsMin is the least work of a credential, as in Kafka.
	IterationsMin = 4096
	// IterationsMax is the most.
	IterationsMax = 16384
	// saltBytes is the length of salts made here.
	saltBytes = 20
	// scramTextMax bounds a user name and a nonce, in bytes.
	scramTextMax = 512
)

// hashOf gives the hash of a mechanism, nil for unknown ones.
func hashOf(m metadata.ScramMechanism) func() hash.Hash {
	switch m {
	case metadata.ScramSHA256:
		return sha256.New
	case metadata.ScramSHA512:
		return sha512.New
	}
	return nil
}

// NewCredential derives what is kept of a password under a fresh salt. Errors: an unknown mechanism, iterations out of bounds.
func NewCredential(m metadata.ScramMechanism, password string, iterations int32) (metadata.ScramCredential, error) {
	if hashOf(m) == nil {
		return metadata.ScramCredential{}, fmt.Errorf("unknown SCRAM mechanism %d", m)
	}
	if iterations < IterationsMin || iterations > IterationsMax {
		return metadata.ScramCredential{}, fmt.Errorf("%d iterations are not from %d to %d", iterations, IterationsMin, IterationsMax)
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	salted, err := saltPassword(m, password, salt, iterations)
	if err != nil {
		return metadata.ScramCredential{}, err
	}
	return DeriveCredential(m, salt, salted, iterations), nil
}

// Fits tells whether a credential was derived from a password.
func Fits(m metadata.ScramMechanism, c metadata.ScramCredential, password string) bool {
	if hashOf(m) == nil || c.Iterations <= 0 {
		return false
	}
	salted, err := saltPassword(m, password, c.Salt, c.Iterations)
	return err == nil && subtle.ConstantTimeCompare(DeriveCredential(m, c.Salt, salted, c.Iterations).StoredKey, c.StoredKey) == 1
}

// saltPassword is RFC 5802's Hi, the costly step.
func saltPassword(m metadata.ScramMechanism, password string, salt []byte, iterations int32) ([]byte, error) {
	h := hashOf(m)
	return pbkdf2.Key(h, password, salt, int(iterations), h().Size())
}

// DeriveCredential makes the stored and server keys of a salted password (RFC 5802, section 3). The slices are the caller's.
func DeriveCredential(m metadata.ScramMechanism, salt, saltedPassword []byte, iterations int32) metadata.ScramCredential {
	h := hashOf(m)
	return metadata.ScramCredential{
		Salt: salt, StoredKey: digest(h, mac(h, saltedPassword, "Client Key")),
		ServerKey: mac(h, saltedPassword, "Server Key"), Iterations: iterations,
	}
}

func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func digest(h func() hash.Hash, b []byte) []byte {
	d := h()
	d.Write(b)
	return d.Sum(nil)
}

// scramExchange is the server's side of one SCRAM authentication (RFC 5802).
type scramExchange struct {
	mechanism metadata.ScramMechanism
	store     *Credentials
	nonce     func() string

	step       int
	user       string
	credential metadata.ScramCredential
	known      bool
	serverPart string // nonce of both
	firstBare  string
	first      string // the server's first message
	header     string
}

var errScram = errors.New("malformed SCRAM message")

// Step takes the client's next message.
func (x *scramExchange) Step(message []byte) (answer []byte, done bool, err error) {
	x.step++
	switch x.step {
	case 1:
		answer, err = x.clientFirst(string(message))
		return answer, false, err
	case 2:
		answer, err = x.clientFinal(string(message))
		return answer, err == nil, err
	}
	return nil, false, errScram
}

// Principal is whom the finished exchange authenticated.
func (x *scramExchange) Principal() Principal { return Principal{Type: TypeUser, Name: x.user} }

// clientFirst answers "n,,n=user,r=nonce" with the salt and both nonces. A user who doesn't exist gets a salt too, always the same.
func (x *scramExchange) clientFirst(message string) ([]byte, error) {
	header, user, nonce, bare, err := parseClientFirst(message)
	if err != nil {
		return nil, err
	}
	x.header, x.user, x.firstBare, x.serverPart = header, user, bare, nonce+x.nonce()
	x.credential, x.known = x.store.scram(x.mechanism, user)
	x.first = fmt.Sprintf("r=%s,s=%s,i=%d", x.serverPart, base64.StdEncoding.EncodeToString(x.credential.Salt), x.credential.Iterations)
	return []byte(x.first), nil
}

// parseClientFirst takes a client's first message apart: GS2 header, user name, nonce, and the message without the header.
func parseClientFirst(message string) (header, user, nonce, bare string, err error) {
	flag, rest, ok := strings.Cut(message, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	if !ok || !ok2 || (flag != "n" && flag != "y") {
		return "", "", "", "", errScram // channel binding ("p=…") isn't offered
	}
	parts := strings.Split(bare, ",")
	if len(parts) < 2 || !strings.HasPrefix(parts[0], "n=") || !strings.HasPrefix(parts[1], "r=") {
		return "", "", "", "", errScram // "m=" asks for an extension there is none of
	}
	if user, err = unescapeName(parts[0][2:]); err != nil {
		return "", "", "", "", err
	}
	if authzid != "" {
		asked, err := unescapeName(strings.TrimPrefix(authzid, "a="))
		if err != nil || !strings.HasPrefix(authzid, "a=") || asked != user {
			return "", "", "", "", errScram // nobody may act as somebody else
		}
	}
	if nonce = parts[1][2:]; user == "" || !printable(nonce) || len(user) > scramTextMax || len(nonce) > scramTextMax {
		return "", "", "", "", errScram
	}
	return flag + "," + authzid + ",", user, nonce, bare, nil
}

// unescapeName undoes =2C for a comma and =3D for an equals sign.
func unescapeName(text string) (string, error) {
	for i := 0; i < len(text); i++ {
		if text[i] == '=' && !strings.HasPrefix(text[i:], "=2C") && !strings.HasPrefix(text[i:], "=3D") {
			return "", errScram
		}
	}
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(text), nil
}

func printable(nonce string) bool {
	for i := range len(nonce) {
		if nonce[i] < 0x21 || nonce[i] > 0x7e {
			return false
		}
	}
	return nonce != ""
}

// clientFinal checks "c=header,r=nonces,p=proof" and answers with the server's own proof.
func (x *scramExchange) clientFinal(message string) ([]byte, error) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return nil, errScram
	}
	withoutProof := message[:at]
	proof, err := base64.StdEncoding.DecodeString(message[at+len(",p="):])
	if err != nil {
		return nil, errScram
	}
	parts := strings.Split(withoutProof, ",")
	// librdkafka before 2.6.1 sends its own nonce once more in front of both; as in Kafka, the end counts.
	if len(parts) < 2 || parts[0] != "c="+base64.StdEncoding.EncodeToString([]byte(x.header)) ||
		!strings.HasPrefix(parts[1], "r=") || !strings.HasSuffix(parts[1], x.serverPart) {
		return nil, errScram
	}
	h := hashOf(x.mechanism)
	text := x.firstBare + "," + x.first + "," + withoutProof
	signature := mac(h, x.credential.StoredKey, text)
	if len(proof) != len(signature) {
		return nil, ErrDenied
	}
	clientKey := make([]byte, len(proof))
	subtle.XORBytes(clientKey, proof, signature)
	match := subtle.ConstantTimeCompare(digest(h, clientKey), x.credential.StoredKey) == 1
	if !match || !x.known {
		return nil, ErrDenied
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(mac(h, x.credential.ServerKey, text))), nil
}
