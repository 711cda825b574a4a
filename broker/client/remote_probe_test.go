package client

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ancient is a broker that answers ApiVersions with the given newest versions, in the first version of the answer, and nothing else.
func ancient(t *testing.T, newest map[int16]int16) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerVersions(c, newest)
		}
	}()
	return l.Addr().String()
}

func answerVersions(c net.Conn, newest map[int16]int16) {
	defer func() { _ = c.Close() }()
	for {
		var size [4]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		req := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c, req); err != nil {
			return
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		if version := binary.BigEndian.Uint16(req[2:]); version > 0 {
			resp.ErrorCode = 35 // UNSUPPORTED_VERSION, in version 0, as Kafka answers versions it does not know
		}
		for key, v := range newest {
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, v
			resp.ApiKeys = append(resp.ApiKeys, k)
		}
		body := resp.AppendTo(append([]byte(nil), req[4:8]...))
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
			return
		}
	}
}

// TestDialRefusesOldClusters: what is missing is named, with the Kafka that brought it, at once.
func TestDialRefusesOldClusters(t *testing.T) {
	for _, test := range []struct {
		name   string
		lowers map[int16]int16 // -1: the API is not there
		want   string
	}{
		{"Kafka 2.7", map[int16]int16{keyMetadata: 9, keyDescribeTransactions: -1}, "Metadata v10, as Apache Kafka does since 2.8"},
		{"Kafka 2.8", map[int16]int16{keyDescribeTransactions: -1}, "DescribeTransactions v0, as Apache Kafka does since 3.0"},
		{"Kafka 2.4", map[int16]int16{keyInitProducerID: 2}, "InitProducerID v3, as Apache Kafka does since 2.5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			newest := map[int16]int16{18: 0}
			for _, n := range needed {
				newest[n.key] = n.version
			}
			for key, v := range test.lowers {
				if newest[key] = v; v < 0 {
					delete(newest, key)
				}
			}
			began := time.Now()
			_, err := Dial(t.Context(), RemoteOptions{Seeds: []string{ancient(t, newest)}})
			if !errors.Is(err, ErrTooOld) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %v: … %s", err, ErrTooOld, test.want)
			}
			if took := time.Since(began); took > defaultDialTimeout/2 {
				t.Errorf("it took %s to see", took)
			}
		})
	}
}

// TestDialAsksAllSeeds: one that says nothing does not keep the others from being asked, and what an answer means counts more than silence.
func TestDialAsksAllSeeds(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, err = Dial(t.Context(), RemoteOptions{Seeds: []string{silent.Addr().String(), ancient(t, map[int16]int16{18: 0})}})
	if !errors.Is(err, ErrTooOld) {
		t.Error(err)
	}
	_, err = Dial(t.Context(), RemoteOptions{Seeds: []string{silent.Addr().String()}, DialTimeout: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "nobody answers") {
		t.Error(err)
	}
}
