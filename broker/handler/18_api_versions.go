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
	// apiVersionsZeroLevels is the first version whose clients understand features with 0 as their lowest level (KAFKA-17011).
	apiVersionsZeroLevels = 4
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
	resp.SupportedFeatures = []kmsg.ApiVersionsResponseSupportedFeature{}
	resp.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{}
	img := h.Quorum.Image()
	for _, f := range features() {
		if f.min > 0 || in.Version >= apiVersionsZeroLevels {
			resp.SupportedFeatures = append(resp.SupportedFeatures,
				kmsg.ApiVersionsResponseSupportedFeature{Name: f.name, MinVersion: f.min, MaxVersion: f.max})
		}
		if level := f.level(img); level > 0 {
			resp.FinalizedFeatures = append(resp.FinalizedFeatures,
				kmsg.ApiVersionsResponseFinalizedFeature{Name: f.name, MinVersionLevel: level, MaxVersionLevel: level})
		}
	}
	resp.FinalizedFeaturesEpoch = int64(img.Version())
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
