package manifest

import "github.com/google/go-containerregistry/pkg/v1/types"

// OCILayer gives the OCI's media type for a layer of docker's.
func OCILayer(t string) string {
	switch types.MediaType(t) {
	case types.DockerLayer, types.DockerForeignLayer, types.OCIRestrictedLayer:
		return string(types.OCILayer)
	case types.DockerUncompressedLayer, types.OCIUncompressedRestrictedLayer:
		return string(types.OCIUncompressedLayer)
	}
	return t
}
