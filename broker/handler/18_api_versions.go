package handler

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/wire"
)

const (
	// apiVersionsNamesClient is the first version that names the client's software (KIP-511).
	apiVersionsNamesClient = 3
	// featureMetadataVersion and its level say "as Kafka 4.0's formats"; clients only show it.
	featureMetadataVersion      = "metadata.version"
	featureMetadataVersionMin   = 1
	featureMetadataVersionLevel = 25
)

// apiVersions tells which APIs and versions are served. Versions above ours are answered by wire.
func (h *Handler) apiVersions(_ context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.ApiVersionsRequest)
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{}
	if in.Version >= apiVersionsNamesClient && (!softwareName(in.ClientSoftwareName) || !softwareName(in.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		req.Reply(resp)
		return
	}
	for _, row := range h.versions.Rows() {
		if row.Hidden {
			continue
		}
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MinVersion, key.MaxVersion = row.Key, row.AdvertisedMin, row.Max
		resp.ApiKeys = append(resp.ApiKeys, key)
	}
	// No supported feature may have 0 as its lowest level before version 4: old clients refuse it (KAFKA-17011).
	resp.SupportedFeatures = []kmsg.ApiVersionsResponseSupportedFeature{
		{Name: featureMetadataVersion, MinVersion: featureMetadataVersionMin, MaxVersion: featureMetadataVersionLevel},
	}
	resp.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{
		{Name: featureMetadataVersion, MinVersionLevel: featureMetadataVersionLevel, MaxVersionLevel: featureMetadataVersionLevel},
	}
	resp.FinalizedFeaturesEpoch = int64(h.Quorum.Image().Version())
	req.Reply(resp)
}

// softwareName tells whether s is letters and digits, with '-' and '.' inside (KIP-511).
func softwareName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case (c == '-' || c == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}
