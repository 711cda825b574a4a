package broker

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askVersions sends ApiVersions at a version with the client's names, and decodes the answer as that of another version.
func askVersions(t *testing.T, b *Broker, version, answered int16, name, software string) *kmsg.ApiVersionsResponse {
	t.Helper()
	nc, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = min(version, 4) // kmsg knows no layout above; the header is what counts
	req.ClientSoftwareName, req.ClientSoftwareVersion = name, software
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("c")).AppendRequest(nil, req, 5)
	binary.BigEndian.PutUint16(frame[6:], uint16(version))
	if _, err := nc.Write(frame); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(nc)
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(in, body); err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = answered
	// The response header has no tags in any version, or older clients could not read it.
	if err := resp.ReadFrom(body[4:]); err != nil {
		t.Fatal(err)
	}
	if again := resp.AppendTo(nil); len(again) != len(body)-4 {
		t.Fatalf("v%d: %d bytes of %d were read", version, len(again), len(body)-4)
	}
	return resp
}

// TestApiVersionsAsKafkas holds the answers that clients learn from before they know anything.
func TestApiVersionsAsKafkas(t *testing.T) {
	b := startBroker(t, nil)
	for _, version := range []int16{5, 99, 32767} {
		t.Run(fmt.Sprint("unknown version ", version), func(t *testing.T) {
			resp := askVersions(t, b, version, 0, "c", "1")
			if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion < 4 {
				t.Fatalf("%+v", resp)
			}
		})
	}
	for version := int16(0); version <= 4; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			resp := askVersions(t, b, version, version, "c", "1")
			if resp.ErrorCode != 0 || len(resp.ApiKeys) < 40 {
				t.Fatalf("code %d, %d APIs", resp.ErrorCode, len(resp.ApiKeys))
			}
			for _, k := range resp.ApiKeys {
				if k.ApiKey == 0 && k.MinVersion != 0 {
					t.Error("librdkafka takes a broker that doesn't show Produce 0 for one without compression (KAFKA-18659)")
				}
			}
			for _, f := range resp.SupportedFeatures {
				if version < 4 && f.MinVersion == 0 {
					t.Errorf("clients of version %d refuse features from level 0, such as %s (KAFKA-17011)", version, f.Name)
				}
			}
			if version >= 3 && (len(resp.FinalizedFeatures) == 0 || resp.FinalizedFeaturesEpoch < 0) {
				t.Errorf("%d features at epoch %d", len(resp.FinalizedFeatures), resp.FinalizedFeaturesEpoch)
			}
			if version == 4 && len(resp.SupportedFeatures) < len(resp.FinalizedFeatures) {
				t.Errorf("%d features supported, %d finalised", len(resp.SupportedFeatures), len(resp.FinalizedFeatures))
			}
		})
	}
	for _, bad := range [][2]string{{"", "1"}, {"c", ""}, {"-c", "1"}, {"c d", "1"}, {"c", "1."}} {
		if resp := askVersions(t, b, 3, 3, bad[0], bad[1]); resp.ErrorCode != kerr.InvalidRequest.Code {
			t.Errorf("software %q: code %d", bad, resp.ErrorCode)
		}
	}
	if resp := askVersions(t, b, 2, 2, "", ""); resp.ErrorCode != 0 {
		t.Error("version 2 names no software")
	}
	before := askVersions(t, b, 4, 4, "c", "1").FinalizedFeaturesEpoch
	createTopic(t, connect(t, b), "grows", 1)
	if after := askVersions(t, b, 4, 4, "c", "1").FinalizedFeaturesEpoch; after < before {
		t.Errorf("the features' epoch went from %d to %d", before, after)
	}
}
